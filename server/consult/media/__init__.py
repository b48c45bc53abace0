"""Sound and picture of a consultation's room: who has a seat (`seats`), and the forwarder behind it (`engine`)."""
