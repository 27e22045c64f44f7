"""The local AWS: ministack, pinned and bound to 127.0.0.1, plus what it lacks."""
