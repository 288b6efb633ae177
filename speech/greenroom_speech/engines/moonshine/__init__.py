"""English speech recognition by Moonshine, a network whose weights lie in its package."""
