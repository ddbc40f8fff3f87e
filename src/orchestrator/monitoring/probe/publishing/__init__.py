"""Reports on their way to the app: registered, sent in order, kept while the app is away."""
