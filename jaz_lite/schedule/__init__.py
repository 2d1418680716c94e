"""When schedules start their jobnets: operating days, wall times, instants. Pure: no I/O, and nobody's clock.

    calendar, filter --days--> operating days --local_time--> instants --timetable--> starts of a schedule

`cron` reads cron expressions on their way in; nothing of them is kept. Sits beside `icons`, below `engine`.
"""
