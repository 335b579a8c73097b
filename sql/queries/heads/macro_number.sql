{weight} * ({argument} - {shift}) / {scale}
