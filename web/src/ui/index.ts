// The shared components. Screens import from here.
export { Button, type Choice, Segmented } from './button'
export { Icon, type IconName } from './icon'
export { AutoTag, Avatar, Dot, KeyHint, Measured, type Priority, Severity, Tag } from './marks'
export { Dialog, Empty, ErrorLine, FieldRow, OfflineBar, Pane, Skeleton, type Step, Steps } from './panes'
export { type Column, DataTable, type DataTableProps } from './table'
