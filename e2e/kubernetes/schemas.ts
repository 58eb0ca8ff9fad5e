import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { cached } from '../images/cache-folder.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly format?: string;
  readonly [field: string]: unknown;
}

interface Described extends Schema {
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, Described>> };
}

/** Where kubeconform finds the schemas that the API server gives; unknown fields break them. */
export async function writeSchemas(cluster: Cluster): Promise<string> {
  const { gitVersion } = JSON.parse(await cluster.kubectl('get', '--raw', '/version')) as {
    gitVersion: string;
  };
  const folder = await cached(`schemas-${gitVersion}`, async (beside) => {
    const { paths } = JSON.parse(await cluster.kubectl('get', '--raw', '/openapi/v3')) as {
      paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
    };
    for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
      if (!/^(api|apis\/.*)\/v\d+$/.test(path)) continue;
      writeDocument(beside, JSON.parse(await cluster.kubectl('get', '--raw', serverRelativeURL)) as Document);
    }
  });
  return `${folder}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
}

function writeDocument(folder: string, { components: { schemas } }: Document): void {
  const strict = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, close(schema)]));
  for (const [name, schema] of Object.entries(schemas)) {
    const [of, ...others] = schema['x-kubernetes-group-version-kind'] ?? [];
    // What every group has, such as DeleteOptions, is no object of its own.
    if (!of || others.length > 0 || !schema.properties?.metadata) continue;
    const group = of.group.split('.')[0];
    const suffix = [...(group ? [group] : []), of.version].map((part) => `-${part}`).join('');
    mkdirSync(folder, { recursive: true });
    const whole = { $ref: `#/components/schemas/${name}`, components: { schemas: strict } };
    writeFileSync(join(folder, `${of.kind.toLowerCase()}${suffix}.json`), JSON.stringify(whole));
  }
}

/** With every field that it does not name forbidden. */
function close(schema: Schema): Schema {
  if (schema.format === 'int-or-string') return { oneOf: [{ type: 'integer' }, { type: 'string' }] };
  if (schema.properties === undefined || schema.additionalProperties !== undefined) return schema;
  return { ...schema, additionalProperties: false };
}
