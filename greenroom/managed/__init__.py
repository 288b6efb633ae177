"""What makes a Python backend of Triton a managed model; imported inside the models' processes."""
