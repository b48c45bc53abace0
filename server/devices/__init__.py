"""The device register: which device stands where, its keys, its state, and the codes by which a new one joins.

How a device's samples come in is `intake`'s business; the wire's bytes are `device/`'s. Neither is known here.
"""
