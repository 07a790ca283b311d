resource "aws_db_subnet_group" "dev" {
  name_prefix = "penstock-"
  subnet_ids  = var.subnet_ids
}

resource "aws_db_instance" "dev" {
  identifier_prefix = "penstock-"
  engine            = "postgres"
  engine_version    = var.engine_version
  instance_class    = var.instance_class
  allocated_storage = var.storage_gigabytes
  storage_encrypted = true

  # The password is made and kept by AWS Secrets Manager: neither the state of Terraform nor a file here holds it.
  username                    = "penstock"
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.dev.name
  vpc_security_group_ids = var.security_group_ids
  publicly_accessible    = false

  # What is in it can be made again at any time.
  backup_retention_period = 0
  skip_final_snapshot     = true
}

locals {
  # Where penstock.toml says host = "${DEV_HOST}", port = "${DEV_PORT}", user = "${DEV_USER}" and
  # password_cmd = ["./dev-password"], which asks Secrets Manager by the variable DEV_SECRET_ARN.
  connection = {
    DEV_HOST       = aws_db_instance.dev.address
    DEV_PORT       = tostring(aws_db_instance.dev.port)
    DEV_USER       = aws_db_instance.dev.username
    DEV_SECRET_ARN = aws_db_instance.dev.master_user_secret[0].secret_arn
    PENSTOCK_DEVDB = var.devdb
  }
}

resource "terraform_data" "database" {
  # Another instance is another database; resets in between are `penstock dev reset`, on a schedule.
  triggers_replace = [aws_db_instance.dev.id, var.devdb]

  provisioner "local-exec" {
    working_dir = var.project_folder
    command     = "penstock dev create \"$PENSTOCK_DEVDB\""
    environment = local.connection
  }
}
