select bool_and(abs(array_inner_product(embedding, embedding) - 1) < 1e-3) as is_unit from _rm_members;
