"""Job Arranger's own forms: its XML, its numbers, its commands. Everything inside speaks jaz_lite's words only."""
