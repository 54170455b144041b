/**
 * Bull Board's Fastify adapter with the house's rules around its routes: only what refusals.ts allows is served, bounds
 * on what one request may ask, "retry all" as an operator's, and errors as sentences in the form its page shows.
 */
import type { AppControllerRoute, BullBoardRequest, ControllerHandlerReturnType } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Logger } from '@reelfleet/core';
import { Problem, problemOf } from '../problem.ts';
import { refusalOf } from './refusals.ts';
import type { Watch } from './watch.ts';

const MOST_PER_PAGE = 100;
/** Far behind the last page of any list; beyond it the stores' own numbers would end. */
const LAST_PAGE = 1_000_000;

/** What Bull Board's page shows as a red note: a headline and a sentence. */
function sentence(status: number, error: string, message: string): ControllerHandlerReturnType {
  return { status: status as never, body: { error, message } };
}

export class BullServer extends FastifyAdapter {
  readonly #watch: Watch;

  constructor(watch: Watch) {
    super();
    this.#watch = watch;
  }

  override setApiRoutes(routes: AppControllerRoute[]): this {
    super.setApiRoutes(
      routes.flatMap((route) =>
        [route.route]
          .flat()
          .flatMap((path) =>
            [route.method]
              .flat()
              .map((method) => ({ ...route, route: path, method, handler: this.#handler(route, method, path) })),
          ),
      ),
    );
    return this;
  }

  #handler(route: AppControllerRoute, method: string, path: string): AppControllerRoute['handler'] {
    const refusal = refusalOf(method, path);
    if (refusal !== null) return () => sentence(403, 'Not done here', refusal);
    if (path === '/api/queues/:queueName/retry/:queueStatus') return (request) => this.#retryAll(request);
    if (path === '/api/queues') return (request) => route.handler(request && narrowed(request));
    return route.handler;
  }

  async #retryAll(request?: BullBoardRequest): Promise<ControllerHandlerReturnType> {
    const { queueName, queueStatus } = request?.params ?? {};
    if (!request?.queues.has(queueName)) return sentence(404, 'No such queue', `There is no stage "${queueName}".`);
    if (queueStatus !== 'failed')
      return sentence(403, 'Not done here', 'Only failed tickets are retried: what completed is never done again.');
    const { retried, refused, left } = await this.#watch.retryAll(queueName);
    if (refused.length > 0)
      return sentence(409, `${retried} retried, ${refused.length} refused`, refused.slice(0, 3).join(' · '));
    if (left > 0) return sentence(409, `${retried} retried, ${left} left`, 'Press again for the next part.');
    return { status: 200, body: { retried, skipped: 0 } };
  }
}

/** No request asks for more than a page of bounded size at a bounded place, whatever its query says. */
function narrowed(request: BullBoardRequest): BullBoardRequest {
  const { jobsPerPage, page } = request.query;
  return {
    ...request,
    query: { ...request.query, ...atMost(MOST_PER_PAGE, { jobsPerPage }), ...atMost(LAST_PAGE, { page }) },
  };
}

/** Of numbers only those that are larger, as the bound; all else is for Bull Board to judge. */
function atMost(bound: number, asked: Record<string, unknown>): Record<string, string> {
  const larger = Object.keys(asked).filter((key) => Number(asked[key]) > bound);
  return Object.fromEntries(larger.map((key) => [key, String(bound)]));
}

/** Names in an address reach the store of the tickets, which would take NUL for a fault of its own. Throws Problem. */
export function refuseStrangeNames(given: object): void {
  const texts = Object.values(given).flat();
  if (!texts.some((text) => typeof text === 'string' && (text.length > 300 || /[\p{Cc}\p{Cs}]/u.test(text)))) return;
  throw new Problem(400, 'A name in this address holds a control character or is longer than any name.');
}

/**
 * Refusals and an absent store as sentences, in the form the page shows; bugs are logged. A problem that another part
 * threw (nobody may enter without credentials) stays one.
 */
export function boardErrors(log: Logger) {
  return (error: Error): ControllerHandlerReturnType => {
    if (error instanceof Problem) throw error;
    if (error instanceof URIError) return sentence(400, 'Refused', 'The address of this page is not well formed.');
    const problem = problemOf(error);
    if (problem.status === 500) log.error({ error: error.stack }, 'bull board failed');
    return sentence(problem.status, problem.status >= 500 ? 'Not now' : 'Refused', problem.message);
  };
}
