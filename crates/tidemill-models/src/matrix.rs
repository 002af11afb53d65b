//! Rows and features as f32: the border at which every value is rounded once.

use tidemill_types::{ErrorCode, Explain};

/// A dense matrix of model input, column-major: values of one feature lie together.
///
/// Values are f32. [`Matrix::from_f64_columns`] rounds to the nearest, so that training and scoring see the same number;
/// an f64 beyond the range of f32 becomes infinite. NaN means "missing".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// Columns that do not make a matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} has {actual} values where there are {expected} rows")]
pub struct MatrixError {
    /// Position of the column, from 0.
    pub column: usize,
    /// Its number of values.
    pub actual: usize,
    /// The number of rows.
    pub expected: usize,
}

impl Explain for MatrixError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl Matrix {
    /// A matrix of `rows` rows and no columns yet.
    pub fn with_rows(rows: usize) -> Matrix {
        Matrix {
            rows,
            columns: 0,
            values: Vec::new(),
        }
    }

    /// One matrix of columns of the same length, rounded to f32.
    pub fn from_f64_columns<C: AsRef<[f64]>>(columns: &[C]) -> Result<Matrix, MatrixError> {
        let rows = columns.first().map_or(0, |column| column.as_ref().len());
        let mut matrix = Matrix::with_rows(rows);
        matrix.values.reserve(rows * columns.len());
        for column in columns {
            matrix.push_column(column.as_ref().iter().map(|value| *value as f32))?;
        }
        Ok(matrix)
    }

    /// One matrix of columns of the same length.
    pub fn from_columns<C: AsRef<[f32]>>(columns: &[C]) -> Result<Matrix, MatrixError> {
        let mut matrix = Matrix::with_rows(columns.first().map_or(0, |column| column.as_ref().len()));
        for column in columns {
            matrix.push_column(column.as_ref().iter().copied())?;
        }
        Ok(matrix)
    }

    /// Adds a column on the right. The matrix stays as it was where the length is wrong.
    pub fn push_column(&mut self, column: impl IntoIterator<Item = f32>) -> Result<(), MatrixError> {
        let before = self.values.len();
        self.values.extend(column);
        let actual = self.values.len() - before;
        if actual != self.rows {
            self.values.truncate(before);
            return Err(MatrixError {
                column: self.columns,
                actual,
                expected: self.rows,
            });
        }
        self.columns += 1;
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The values of column `column`, one per row. Panics where there is no such column, as slices do.
    pub fn column(&self, column: usize) -> &[f32] {
        &self.values[column * self.rows..(column + 1) * self.rows]
    }

    /// All values, column after column.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Row `row` as a vector. Panics where there is no such row, as slices do.
    pub fn row(&self, row: usize) -> Vec<f32> {
        (0..self.columns).map(|column| self.column(column)[row]).collect()
    }

    /// Writes rows `first..first + count` row-major into `block`, which holds `count × columns` values.
    pub(crate) fn copy_rows(&self, first: usize, count: usize, block: &mut [f32]) {
        for column in 0..self.columns {
            let values = &self.column(column)[first..first + count];
            for (target, value) in block[column..].iter_mut().step_by(self.columns).zip(values) {
                *target = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_are_the_same_values() {
        let matrix = Matrix::from_f64_columns(&[[1.0, 2.0, 3.0], [0.1, f64::NAN, 1e300]]).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (3, 2));
        assert_eq!(matrix.row(0), [1.0, 0.1_f32]);
        assert_eq!(matrix.row(2), [3.0, f32::INFINITY]);
        let mut block = [0.0; 4];
        matrix.copy_rows(1, 2, &mut block);
        assert_eq!((block[0], block[2], block[3]), (2.0, 3.0, f32::INFINITY));
        assert!(block[1].is_nan());
    }

    #[test]
    fn a_column_of_another_length_is_refused() {
        let mut matrix = Matrix::from_f64_columns(&[[1.0, 2.0]]).unwrap();
        let error = matrix.push_column([1.0]).unwrap_err();
        assert_eq!(error.to_string(), "column 1 has 1 values where there are 2 rows");
        assert_eq!(matrix.values(), [1.0, 2.0]);
    }
}
