-- One row of the table, all but its accuracy.
insert into bench.facts by name
select $place as place, $label as label, $what as what, $layout as layout, $options as options,
       $bytes as bytes_per_response, $texts as texts_per_response, $speed as texts_per_second, $n_cut as n_cut,
       $key as encoder_key
