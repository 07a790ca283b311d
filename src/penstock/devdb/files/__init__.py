"""`dev create --to`: a verified copy as files. `export` builds, verifies and publishes; `parquet` and `sql` write and read
back.
"""
