list_transform(embedding, lambda bits: (case when bits >= 32768 then -1 else 1 end)
        * (case when bits // 1024 % 32 = 0 then bits % 1024 * pow(2, -24)
                else (1024 + bits % 1024) * pow(2, (bits // 1024 % 32)::integer - 25) end))::float[{dim}]
