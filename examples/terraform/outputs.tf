output "host" {
  value = aws_db_instance.dev.address
}

output "password_secret_arn" {
  description = "Where the password of the role penstock is kept."
  value       = aws_db_instance.dev.master_user_secret[0].secret_arn
}
