"""All rows of MLPerf Tiny beside our C: what is read of a row, and the tables, on figures that are made up."""

from pathlib import Path

from benchmarks.published_rows import pairs, rows_of, rows_table, simulated_board, steps_table

TABLE = """system,mhz,round,engine,kws_ms,vww_ms,ic_ms,ad_ms,submitter,notes
NUCLEO_L4R5ZI,120,v1.2,X-CUBE-AI v9.0,50,,,5,ST,Operating at 1.8V / Single Bank Mode Activated
NUCLEO-L4R5ZI_MICROTVM-NATIVE,120,v1.2,X-CUBE-AI v9.0,80,,,8,Krai,Dual Bank Mode Activated
NUCLEO_U575ZI_Q,160,v1.2,X-CUBE-AI v9.0,30,,,3,ST,
NUCLEO_H7A3ZI_float,280,v1.2,HALE,,,9,,bosch,
EK-RA8D1,480,v1.2,,3,,,,Renesas,Operating at 3.3V
"""


def test_rows_and_ratios(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(TABLE)
    rows = rows_of(path)
    assert [(r.board, r.flash) for r in rows] == [
        ("NUCLEO-L4R5ZI", "single"),
        ("NUCLEO-L4R5ZI", "dual"),
        ("NUCLEO-U575ZI-Q", ""),
        (None, ""),
        (None, ""),
    ]
    single, dual = (simulated_board(row.key).simulation for row in rows[:2])
    assert single is not None
    assert dual is not None
    assert (single.line_bytes, dual.line_bytes) == (16, 8)
    assert single.instruction_lines * single.line_bytes == dual.instruction_lines * dual.line_bytes
    assert single.data_lines * single.line_bytes == dual.data_lines * dual.line_bytes
    found = {(row.key, name): ms for row, ms in zip(rows[:3], (40.0, 44.0, 27.0), strict=True) for name in row.ms}
    lines = rows_table(rows, found).splitlines()
    assert lines[2] == (
        "| NUCLEO-L4R5ZI | 120 | v1.2 | X-CUBE-AI v9.0 | single | 50 |  |  | 5 | 40.00 |  |  | 40.00 | 2.53 |"
    )
    assert lines[5].endswith("| networks in float |")
    assert lines[6].endswith("| a Cortex-M85: instructions are counted, no times |")
    assert [(a.system, b.system) for a, b in pairs(rows)] == [("NUCLEO-U575ZI-Q", "NUCLEO-L4R5ZI")]
    text, errors = steps_table(rows, found)
    assert text.splitlines()[2] == (
        "| NUCLEO-U575ZI-Q | X-CUBE-AI v9.0 | v1.2 | single | kws | 0.800 | 0.900 | 0.889 |"
    )
    assert len(errors) == 2
