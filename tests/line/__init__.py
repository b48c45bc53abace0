"""Hosts on lines that can be narrow, slow, lossy or cut: for what crosses a network, media above all."""
