list_transform(embedding, lambda step: step * scale)::float[{dim}]
