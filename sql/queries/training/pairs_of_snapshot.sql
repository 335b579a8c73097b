select {chosen} as chosen, {rejected} as rejected, prompt_id as prompt, weight, margin, prob, split
from rm_pairs($snapshot){condition}
