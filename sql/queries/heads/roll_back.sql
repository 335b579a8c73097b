update rm.main.head_deployments set rolled_back_at = now()::timestamp where name = $name and number >= $number
  and rolled_back_at is null
