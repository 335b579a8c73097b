-- The data model. Content (prompts, responses) stands apart from provenance (who, where, which set).
-- Keys are content ids; no key constraints, since anti-join inserts keep them unique and `doctor` checks it.

create table _rm_meta (key varchar not null, value varchar not null);
comment on table _rm_meta is 'facts about the file: id version, time of creation';

create table datasets (
    dataset_id integer not null, name varchar not null, license varchar, source varchar, format varchar not null,
    created_at timestamp not null, dropped_at timestamp
);
comment on table datasets is 'one row per data set; a dropped one keeps its row';

create table dataset_files (
    file_id integer not null, dataset_id integer not null, path varchar not null, sha256 varchar not null,
    format varchar not null, options json, n_rows bigint not null, n_prompts bigint not null,
    n_responses bigint not null, n_preferences bigint not null, n_ratings bigint not null,
    n_steps bigint not null default 0, n_rejected bigint not null, ingested_at timestamp not null
);
comment on table dataset_files is 'one row per ingested file; n_prompts .. n_steps count what was new to the store';

create table prompts (
    prompt_id uuid not null, group_id uuid not null, messages struct("role" varchar, content varchar)[] not null
);
comment on table prompts is 'prompt content; plain text is one user turn; group_id hashes the first user turn';

create table prompt_sources (
    prompt_id uuid not null, dataset_id integer not null, file_id integer not null, "row" bigint not null,
    subset varchar, split varchar, metadata json
);
comment on table prompt_sources is 'where a prompt was seen; split is the published one, null where none was';

create table responses (response_id uuid not null, prompt_id uuid not null, text varchar not null);
comment on table responses is 'response content, once per (prompt, text)';

create table generations (
    generation_id uuid not null, response_id uuid not null, dataset_id integer not null, subset varchar,
    policy varchar, variant varchar, logp double, n_tokens integer, origin varchar not null, parent uuid
);
comment on table generations is 'who produced a response in which data set; logp is the sum over its tokens';
comment on column generations.variant is 'style of a rewriting of the same content, such as concise or markdown';
comment on column generations.origin is 'sampled, reference, crossed, augmented, ...';

create table preferences (
    preference_id uuid not null, chosen_id uuid not null, rejected_id uuid not null, prob double not null,
    margin double, weight double not null, annotator varchar, source varchar not null,
    dataset_id integer not null, subset varchar, file_id integer not null, "row" bigint not null,
    occurrence integer not null
);
comment on table preferences is 'one vote on a pair; prob = P(chosen preferred) >= 0.5, where 0.5 is a tie ordered by id';

create table ratings (
    rating_id uuid not null, response_id uuid not null, dataset_id integer not null, attribute varchar not null,
    annotator varchar, value double not null
);
comment on table ratings is 'a number given to a response; a gold reward is attribute gold';

create table steps (step_id uuid not null, response_id uuid not null, step integer not null, text varchar not null);
comment on table steps is 'reasoning steps of a response, counted from 1; joined by line breaks they are its text';

create table step_labels (step_id uuid not null, dataset_id integer not null, source varchar not null, label double not null);
comment on table step_labels is 'what a source says of a step: 1 is right, 0 is wrong';

create table encoders (
    encoder_id integer not null, name varchar not null, encoder_key varchar not null, dim integer not null,
    "precision" varchar not null, spec json not null, model varchar not null, revision varchar, license varchar,
    created_at timestamp not null
);
comment on table encoders is 'one row per encoder spec; encoder_key hashes the spec, model and revision stand beside it';

create table renderings (
    encoder_id integer not null, item_id uuid not null, part varchar not null, text_id uuid not null,
    n_tokens integer, n_cut integer
);
comment on table renderings is 'which text stands for an item under an encoder; n_cut tokens did not fit the window, null where vectors were imported';
comment on column renderings.part is 'joint, prompt, response or step; item_id is a prompt for part prompt, else a response or step';

create table vector_checksums (encoder_id integer not null, text_id uuid not null, checksum varchar not null);
comment on table vector_checksums is 'checksum of an imported or stored vector, read by verify alone';

create table snapshots (
    snapshot_id integer not null, name varchar not null, version integer not null, encoder_id integer not null,
    layout varchar not null, "where" varchar, datasets varchar[] not null, n_rows bigint not null,
    n_withdrawn bigint not null, fingerprint varchar not null, parent integer, author varchar, message varchar,
    created_at timestamp not null, dropped_at timestamp
);
comment on table snapshots is 'a frozen set of responses under one encoder and layout; never changed after it is made';

create table snapshot_members (snapshot_id integer not null, response_id uuid not null);
comment on table snapshot_members is 'the responses of a snapshot, sorted by id';

create table snapshot_tags (name varchar not null, tag varchar not null, version integer not null, created_at timestamp not null);
comment on table snapshot_tags is 'a tag moves only when it is set again';

create table heads (
    head_id integer not null, name varchar not null, version integer not null, kind varchar not null,
    objective varchar not null, options json not null, chosen json not null, members integer not null, "merge" varchar,
    seed bigint not null, snapshot_id integer, encoder_key varchar, layout varchar, inputs json not null,
    within_prompt boolean, training_sql varchar, fingerprint varchar not null, n_used bigint not null,
    n_skipped bigint not null, temperature double not null, reference_mean double not null,
    member_means double[] not null, member_scales double[] not null, seconds double not null, notes varchar[] not null,
    rmstore_version varchar not null, created_at timestamp not null, dropped_at timestamp
);
comment on table heads is 'one row per trained head version; bytes live in head_weights';
comment on column heads.inputs is 'fields of the input with width, shift and scale; scalar fields are standardised';
comment on column heads.chosen is 'what the fit chose, such as l2 or epochs';
comment on column heads.rmstore_version is 'version of rmstore that trained it';
comment on column heads.within_prompt is 'trained on within-prompt pairs only, so levels across prompts are not identified; null where unknown';

create table head_tags (name varchar not null, tag varchar not null, version integer not null, created_at timestamp not null);
comment on table head_tags is 'tag deployed marks the version that a bare name means';

create table head_deployments (
    name varchar not null, version integer not null, number integer not null, created_at timestamp not null,
    rolled_back_at timestamp
);
comment on table head_deployments is 'every version that a bare name has meant, numbered from 1; a rollback marks the last and goes to the one before';

create table head_descriptions (head_id integer not null, field varchar not null, value varchar not null);
comment on table head_descriptions is 'what people say of a head in its card: intended use, licence, contact';

create table head_origins (head_id integer not null, facts json not null, created_at timestamp not null);
comment on table head_origins is 'what the folder of an imported head says of the store that trained it';

create table head_weights (head_id integer not null, sha256 varchar not null, bytes blob not null);
comment on table head_weights is 'safetensors or LightGBM text of a head';

create table head_metrics (head_id integer not null, split varchar not null, metric varchar not null, value double not null, n bigint not null);
comment on table head_metrics is 'metrics by split: train, and valid which chose something';

create table head_training (head_id integer not null, group_id uuid not null);
comment on table head_training is 'groups of prompts a head saw, in training or in validation';

create table report_runs (
    run_id uuid not null, report varchar not null, sql_sha256 varchar not null, parameters json not null,
    head_id integer, snapshot_id integer, provenance json not null, seconds double not null, n_rows bigint not null,
    output varchar, created_at timestamp not null
);
comment on table report_runs is 'one row per report execution';
