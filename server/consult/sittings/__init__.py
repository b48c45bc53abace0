"""Sittings (一次会诊会议) of a case: an MDT meets several times, with agenda, seats, attendance and minutes."""
