"""The Lambdas beside their Python twins, an empty Rust Lambda and the same code with default features."""

import sys

if sys.platform != "linux":
    sys.exit("make bench needs Linux: it sets cores and priorities, and reads other processes' clocks and /proc")
