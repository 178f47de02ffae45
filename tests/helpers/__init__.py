"""What several tests share: small inputs drawn or written here, a server, ways to run a script."""
