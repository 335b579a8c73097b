select * from read_json($path, format = 'auto')
