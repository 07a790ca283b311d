"""Days and their numbers in the proleptic Gregorian calendar, for whole arrays.

Day 0 is 1970-01-01; years are astronomical (0 is 1 BC). Method: Howard Hinnant, "chrono-Compatible Low-Level Date
Algorithms", 2021: the year begins in March, so that the leap day comes last.
"""

from __future__ import annotations

from penstock.masks.parts.arrays import I64

_ERA_DAYS = 146_097  # in 400 years


def day_number(year: I64, month: I64, day: I64) -> I64:
    """The day's number."""
    y = year - (month <= 2)
    era = y // 400
    year_of_era = y - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    number: I64 = (
        era * _ERA_DAYS + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    )
    return number


def civil(number: I64) -> tuple[I64, I64, I64]:
    """Year, month and day of each number."""
    shifted = number + 719_468
    era = shifted // _ERA_DAYS
    day_of_era = shifted - era * _ERA_DAYS
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = (month + 2) % 12 + 1
    return year_of_era + era * 400 + (month <= 2), month, day
