#!/usr/bin/env bash
# The job on real data, by command line and SQL alone: HH-RLHF harmless-base and AlpacaEval.
#
#   bash benchmarks/real_data.sh DATA [FOLDER]
#
# DATA is the folder with hh-rlhf-harmless-base, alpaca_eval, rm-bench, llmbar and embeddings; FOLDER, by default
# build/real_data, gets the stores and a Parquet file per report. HH is embedded here, which takes minutes.
set -euo pipefail
data=$1
folder=${2:-build/real_data}
mkdir -p "$folder"

say() { printf '\n== %s\n' "$*"; }

say 'HH-RLHF harmless-base: ingest, embed, three heads'
export RMSTORE=$folder/hh.duckdb
[ -e "$RMSTORE" ] || rmstore init
rmstore ingest "$data/hh-rlhf-harmless-base/test.jsonl.gz" --format hh --dataset hh --license MIT
rmstore embed hh --snapshot hh
for layout in joint response; do rmstore embed hh --snapshot "hh-$layout" --layout "$layout"; done
for head in linear mlp lightgbm; do rmstore train "$head" --snapshot hh --head "$head"; done

say 'five-fold accuracy of each head, and of the linear head by layout'
for head in linear mlp lightgbm; do
    rmstore report run accuracy --head "$head" --folds 5 --to "$folder/hh_accuracy_$head.parquet"
done
for layout in joint response; do
    rmstore train "linear-$layout" --snapshot "hh-$layout"
    rmstore report run accuracy --head "linear-$layout" --folds 5 --to "$folder/hh_accuracy_$layout.parquet"
done
rmstore query "select regexp_extract(filename, 'hh_accuracy_(\w+)', 1) as what, n_pairs, round(accuracy, 4) as accuracy,
                      round(low, 4) as low, round(high, 4) as high, round(longest, 4) as longest,
                      round(shortest, 4) as shortest
               from read_parquet('$folder/hh_accuracy_*.parquet', filename = true)
               where dataset = 'all' and subset = 'all' and split = 'all' order by accuracy desc"
rmstore report run calibration --head linear --to "$folder/hh_calibration.parquet"

say 'one head per fold in one query'
rmstore query "select fold, r.n_used, r.test_n, r.test_accuracy
               from (select fold, rm_train('cv/' || fold, chosen_id, rejected_id, snapshot := 'hh',
                                           split := if(rm_fold(group_id) = fold, 'test', null)) as r
                     from rm_pairs('hh'), range(5) as folds(fold) group by fold)
               order by fold"

say 'AlpacaEval: comparisons, published vectors, heads with and without length'
export RMSTORE=$folder/alpaca.duckdb
[ -e "$RMSTORE" ] || rmstore init
rmstore ingest "$data/alpaca_eval/results/*/weighted_alpaca_eval_gpt4_turbo/annotations.json.gz" \
    --format alpaca-eval --dataset alpaca --license 'CC BY-NC 4.0' | tail -4
rmstore import-vectors "$data/embeddings/alpaca_eval.parquet" --encoder all-MiniLM-L6-v2-right-cut --snapshot alpaca \
    --dataset alpaca --weights-sha256 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db --match "
    select keyed.response_id, file.embedding
    from file
    join (select response_id, left(sha256(rm_prompt_text(messages) || chr(10) || chr(10) || text), 16) as key
          from responses join prompts using (prompt_id)) as keyed on keyed.key = file.response_id"
rmstore train judge --snapshot alpaca
rmstore train judge-length --snapshot alpaca --feature log_len
for head in judge judge-length; do
    rmstore report run accuracy --head "$head" --folds 5 --to "$folder/alpaca_accuracy_$head.parquet"
done
rmstore report run bon --head judge -p attribute=win_prob --folds 5 --to "$folder/alpaca_bon.parquet"

say 'RM-Bench and LLMBar through their adapters'
rmstore ingest "$data/rm-bench/*.json.gz" --format rm-bench --dataset rm-bench --license ODC-BY
for subset in LLMBar/Natural LLMBar/Adversarial/Neighbor LLMBar/Adversarial/GPTInst LLMBar/Adversarial/GPTOut \
    LLMBar/Adversarial/Manual; do
    rmstore ingest "$data/llmbar/$subset/dataset.json" --format llmbar --dataset llmbar --subset "$subset" --license MIT
done
rmstore dataset list
rmstore doctor
