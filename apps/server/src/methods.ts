/**
 * The routes a server has, written down as they are declared, also those of plugins: the router keeps them to itself.
 * From them follows which methods an address takes, so that a wrong method is told from a wrong address.
 */
import type { FastifyInstance } from 'fastify';

export interface DeclaredRoute {
  readonly url: string;
  readonly methods: readonly string[];
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, in the order of declaration. */
    declaredRoutes: readonly DeclaredRoute[];
  }
}

/** Listens from now on: call it before any route is declared. */
export function writeDownRoutes(app: FastifyInstance): void {
  const routes: DeclaredRoute[] = [];
  app.decorate('declaredRoutes', { getter: () => routes });
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ url, methods: [method].flat() });
  });
}

/** The methods of the routes that match this path; none when no route does. Pure. */
export function methodsAt(path: string, routes: readonly DeclaredRoute[]): string[] {
  const matching = routes.filter(({ url }) => {
    // What catches every path says nothing about any.
    return url !== '*' && url !== '/*' && patternOf(url).test(path);
  });
  return [...new Set(matching.flatMap(({ methods }) => methods))].sort();
}

/** A route's address as an expression: `:name` is one part of a path, `*` the rest of it. Pure. */
export function patternOf(url: string): RegExp {
  const parts = url.split(/(:[A-Za-z0-9_]+(?:\([^)]*\))?\??|\*)/);
  const source = parts.map((part) => {
    if (part === '*') return '.*';
    if (part.startsWith(':')) return '[^/]+';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`);
}
