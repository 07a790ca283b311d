variable "region" {
  description = "Where the instance runs."
  type        = string
}

variable "project_folder" {
  description = "The folder that holds penstock.toml and masks.toml."
  type        = string
}

variable "devdb" {
  description = "NAME of [devdb.NAME] in penstock.toml."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", var.devdb))
    error_message = "Letters, digits, _, . and - only."
  }
}

variable "subnet_ids" {
  description = "Private subnets that the machine running Terraform can reach."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Groups that let that machine and the developers reach port 5432."
  type        = list(string)
}

variable "engine_version" {
  description = "At least production's major version."
  type        = string
  default     = "17"
}

variable "instance_class" {
  type    = string
  default = "db.t4g.medium"
}

variable "storage_gigabytes" {
  description = "Room for the copy twice: it is rebuilt beside the old one."
  type        = number
  default     = 100
}
