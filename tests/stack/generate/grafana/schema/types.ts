// Grafana's own types, as JSON has them: literals in the place of enums, and no property that no type knows.
import type { Dashboard as AnyDashboard, Panel as AnyPanel, RowPanel } from '@grafana/schema';
import type { FieldConfig as HeatmapField, Options as HeatmapOptions } from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { FieldConfig as TableField, Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TextOptions } from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type { FieldConfig as TimeField, Options as TimeOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Written<T> = T extends string
  ? `${T}`
  : T extends number
    ? number extends T
      ? number
      : `${T}` extends `${infer N extends number}`
        ? N
        : number
    : T extends boolean
      ? T
      : T extends (infer Item)[]
        ? Written<Item>[]
        : T extends object
          ? { [Key in keyof T]: Written<T[Key]> }
          : T;
type Some<T> = { [Key in keyof T]?: T[Key] extends object | undefined ? Some<T[Key]> : T[Key] };

type Link = { title: string; url: string; targetBlank?: boolean; type?: 'link' };
type Steps = { mode: 'absolute' | 'percentage'; steps: { value: number | null; color: string }[] };
type Defaults = NonNullable<NonNullable<AnyPanel['fieldConfig']>['defaults']>;
type Config<Custom> = {
  defaults: Omit<Written<Defaults>, 'custom' | 'thresholds' | 'links'> & { custom?: Custom; thresholds?: Steps; links?: Link[] };
  overrides: { matcher: { id: 'byName' | 'byFrameRefID'; options: string }; properties: { id: 'unit' | 'links' | 'displayName'; value: unknown }[] }[];
};
type Reference = { type: 'influxdb' | 'prometheus'; uid: string };
type InfluxQL = { query: string; rawQuery: true; resultFormat: 'time_series' | 'table'; alias: string };
type Flux = { query: string };
type PromQL = { expr: string; format: 'time_series' | 'table'; range: boolean; instant?: boolean; legendFormat?: string };
type Target = { refId: string; datasource: Reference } & (InfluxQL | Flux | PromQL);
type Common = Omit<Written<AnyPanel>, 'type' | 'options' | 'fieldConfig' | 'targets' | 'links' | 'datasource'> & { id: number; links?: Link[] };
type Queried<Type extends string, Options, Custom> = Common & {
  type: Type;
  options: Written<Options>;
  fieldConfig: Config<Some<Written<Custom>>>;
  targets: Target[];
  datasource: Reference;
};
type Text = Common & { type: 'text'; options: Written<TextOptions> };

export type Panel =
  | Queried<'timeseries', Some<TimeOptions>, TimeField>
  | Queried<'stat', Some<StatOptions>, object>
  | Queried<'table', Some<TableOptions>, TableField>
  | Queried<'heatmap', Some<HeatmapOptions>, HeatmapField>
  | Text;
export type Row = Omit<Written<RowPanel>, 'panels'> & { panels: Panel[] };
export type Dashboard = Omit<Written<AnyDashboard>, 'panels' | 'annotations' | 'templating'> & {
  panels: (Panel | Row)[];
  annotations: unknown;
  templating: { list: unknown[] };
};
