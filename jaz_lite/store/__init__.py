"""The store: one SQLite file, one writer, nouns instead of SQL.

Nobody outside this room sees a connection or a statement. `open.Store` gives transactions (`with store.transaction()
as tx`) and snapshots (`with store.snapshot() as view`); both carry the same nouns, one file each: `tx.runs`,
`tx.attempts`, `tx.journal` ... A write is a method of a noun of a transaction; a snapshot's nouns only read.
"""
