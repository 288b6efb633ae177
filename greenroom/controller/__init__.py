"""Does what the residency core decides: the only part that changes what Triton has loaded."""
