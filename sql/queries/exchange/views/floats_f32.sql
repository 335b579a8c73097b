embedding::float[{dim}]
