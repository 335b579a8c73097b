rm.main.{vectors}
