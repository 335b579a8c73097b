join {vectors} as {alias} on {alias}.rowid = places.{alias}
