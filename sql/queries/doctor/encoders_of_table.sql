select encoder_id, name from rm.main.encoders
where 'embeddings_' || dim || '_' || "precision" = $table
order by encoder_id
