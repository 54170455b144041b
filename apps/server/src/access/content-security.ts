/**
 * What a page of this server may load: its own scripts, styles, pictures, sounds and requests, nothing inline and nothing
 * from elsewhere. That holds for every answer. A part that needs more says so for its own routes, in a scope of its own:
 *
 *     await app.register(async (docs) => {
 *       contentSecurity(docs, { 'style-src': ["'unsafe-inline'"] });
 *       docs.get('/docs', …);
 *     });
 *
 * It adds to the policy and takes nothing away. Every route of that scope and of those inside it gets the addition, also
 * those of plugins registered there; called on the server itself it would hold for all, so it refuses that.
 */
import type { FastifyInstance } from 'fastify';

/** Directive → sources, as the header spells them. */
export type ContentSources = Readonly<Record<string, readonly string[]>>;

declare module 'fastify' {
  interface FastifyContextConfig {
    contentSources?: ContentSources;
    /** The name that @fastify/helmet reads. */
    helmet?: { contentSecurityPolicy: ReturnType<typeof policy> };
  }
}

export const strictSources: ContentSources = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'media-src': ["'self'"],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'manifest-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};

const ROOT = 'reelfleetRoot';

/** Let the routes of this scope load more than the strict policy does. Call it before they are declared. */
export function contentSecurity(scope: FastifyInstance, additions: ContentSources): void {
  if (scope.hasDecorator(ROOT) && scope.getDecorator(ROOT) === scope) {
    throw new Error('contentSecurity belongs into a scope of its own: app.register(async (scope) => …)');
  }
  scope.addHook('onRoute', (route) => {
    const contentSources = widened(route.config?.contentSources ?? strictSources, additions);
    // helmet turns its route option into this entry in a hook of its own, which has run by now.
    route.config = { ...route.config, contentSources, helmet: { contentSecurityPolicy: policy(contentSources) } };
  });
}

/** Remember which instance is the server itself. */
export function markRoot(app: FastifyInstance): void {
  app.decorate(ROOT, { getter: () => app });
}

/** The policy in the form helmet takes. */
export function policy(sources: ContentSources) {
  return {
    useDefaults: false,
    directives: Object.fromEntries(Object.entries(sources).map(([name, list]) => [name, [...list]])),
  };
}

/** Both together. Pure. `'none'` gives way to whatever is added beside it. */
export function widened(sources: ContentSources, additions: ContentSources): ContentSources {
  const result: Record<string, readonly string[]> = { ...sources };
  for (const [name, more] of Object.entries(additions)) {
    const base = result[name] ?? result['default-src'] ?? [];
    result[name] = [...new Set([...base.filter((source) => source !== "'none'"), ...more])];
  }
  return result;
}
