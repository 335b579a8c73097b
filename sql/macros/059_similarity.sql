-- How alike the two sides of a pair are, from 0 to 1: what the prior of the term pcrm takes (arXiv 2404.00978).

-- Lengths are characters or tokens; where responses begin alike, those after the shared beginning. Two empty ones are alike.
create or replace macro rm_length_similarity(a, b) as
    case
        when a < 0 or b < 0 then error('a length is ' || least(a, b) || ': give the lengths of both responses')
        when a = b then 1e0
        when a < b then a::double / b::double
        else b::double / a::double
    end;
comment on macro rm_length_similarity is 'shorter length over longer length, in [0, 1]; 1 for equal lengths';

-- Vectors of the responses alone, by an encoder of their own: cosines of prompt and response together all lie near 1.
-- Doubles, because the arc cosine turns the rounding of a float cosine near 1 into an angle of 3e-4.
create or replace macro rm_cosine_similarity(a, b) as
    case
        when a is null or b is null then null
        when not (list_inner_product(a::double[], a::double[]) > 0 and list_inner_product(b::double[], b::double[]) > 0)
            then error('a vector of zeros has no direction: leave its pair out')
        else 1e0 - acos(greatest(0e0, least(1e0, list_cosine_similarity(a::double[], b::double[])))) / pi()
    end;
comment on macro rm_cosine_similarity is
    '1 - angle / pi between two vectors, opposite ones counted as perpendicular: in [0.5, 1]; 1 for the same direction';
