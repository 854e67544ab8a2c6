"""Pages, tables and charts of what a run or a characterisation has found."""
