drop table rm.main.{vectors}
