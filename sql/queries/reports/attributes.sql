select distinct attribute as name from rm.main.ratings order by attribute
