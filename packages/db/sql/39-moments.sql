-- Prompts and configs are written once and used by all whose content is equal. Whoever asks for one gets the row there is, or
-- makes it; of many at once one makes it and the others wait for that and read it. Nothing but a purge of the database removes
-- one, yet the loop would outlive that too.

-- p_prompt: {id, user_prompt, system_prompt, prompt_hash}. p_config: {id, transcript_id, model, operation_type, …} without what
-- hangs on the prompt's id. p_hashed: the JSON text of the hashed fields after the prompt's id, `,"model",…]`: the hash is that
-- of the whole array, which is only known when the prompt's row is. Returns the two rows' ids.
create or replace function reelfleet.ensure_config(p_prompt jsonb, p_config jsonb, p_hashed text) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  prompt uuid;
  config uuid;
  hash text;
  said uuid;
begin
  loop
    select p.id into prompt from prompts p where p.prompt_hash = p_prompt->>'prompt_hash';
    exit when found;
    insert into prompts (id, user_prompt, system_prompt, prompt_hash)
    select n.id, n.user_prompt, n.system_prompt, n.prompt_hash from jsonb_populate_record(null::prompts, p_prompt) n
    on conflict (prompt_hash) do nothing;
  end loop;
  hash := encode(sha256(convert_to('["' || prompt || '"' || p_hashed, 'UTF8')), 'hex');
  loop
    select c.id into config from generation_configs c where c.config_hash = hash;
    exit when found;
    -- The transcript of its first use, which is no part of what it is and may be gone by now.
    select t.id into said from transcripts t where t.id = (p_config->>'transcript_id')::uuid for key share;
    insert into generation_configs (id, prompt_id, transcript_id, model, operation_type, temperature, top_p, top_k,
                                    min_moment_length, max_moment_length, min_moments, max_moments, config_hash)
    select n.id, prompt, said, n.model, n.operation_type, n.temperature, n.top_p, n.top_k,
           n.min_moment_length, n.max_moment_length, n.min_moments, n.max_moments, hash
    from jsonb_populate_record(null::generation_configs, p_config) n
    on conflict (config_hash) do nothing;
  end loop;
  return jsonb_build_object('id', config, 'promptId', prompt);
end $$;
