/** What the builders of runs share: templates with checked params, and the identifiers of runs. Pure but for the clock. */
import type { AnyStage, PipelineTemplate, Storage } from '@reelfleet/core';
import { firstProblem, wrong } from './order-words.ts';

export interface BuildDeps {
  storage: Pick<Storage, 'uriOf' | 'keyOf'>;
  templates: ReadonlyMap<string, PipelineTemplate>;
  stages: ReadonlyMap<string, AnyStage>;
}

export function templateOf(deps: Pick<BuildDeps, 'templates'>, name: string): PipelineTemplate {
  const template = deps.templates.get(name);
  if (!template) throw new Error(`no template named ${name}`);
  return template;
}

export function paramsOf(
  template: PipelineTemplate,
  where: string,
  params: Record<string, unknown>,
): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
  const checked = template.params.safeParse(given);
  if (!checked.success) throw wrong(where + firstProblem(checked.error, `the order of template ${template.name}`));
  return checked.data as Record<string, unknown>;
}

/** `pipeline:<video, channel or stage>:<epoch ms>`; in bulk, where many share the millisecond, with the end of the run's id. */
export class Identifiers {
  readonly #bulk: boolean;
  constructor(bulk: boolean) {
    this.#bulk = bulk;
  }
  next(name: string, runId: string): string {
    return `pipeline:${name}:${Date.now()}${this.#bulk ? `-${runId.slice(-8)}` : ''}`;
  }
}
