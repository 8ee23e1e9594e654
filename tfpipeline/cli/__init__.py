"""The command `tfpipeline VERB`: thin, with one file a verb. Nothing else imports this package."""
