array_inner_product({argument}::float[{width}], [{weights}]::float[{width}])
