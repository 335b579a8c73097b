left join (
{cosines}
) as moves using (response_id)
