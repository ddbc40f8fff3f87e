"""What an app is: as clients send it, made canonical, and checked."""
