"""Where files are kept that outlive the machine: a directory, or a bucket that speaks S3."""
