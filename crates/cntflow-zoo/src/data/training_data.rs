//! Both parts of a data set, as training takes them.

use crate::ZooError;
use crate::data::{Dataset, Split};

/// The images that runs are trained and tested on. Opened once, shared by all runs.
#[derive(Clone, Debug)]
pub struct TrainingData {
    train: Dataset,
    test: Dataset,
}

impl TrainingData {
    /// Opens both parts of a data set.
    ///
    /// # Errors
    /// - [`ZooError::SplitShapes`]: their images differ in shape.
    /// - As [`Dataset::open`].
    pub fn open(name_or_path: &str) -> Result<Self, ZooError> {
        let train = Dataset::open(name_or_path, Split::Train)?;
        let test = Dataset::open(name_or_path, Split::Test)?;
        if train.shape() != test.shape() {
            return Err(ZooError::SplitShapes {
                name: name_or_path.to_owned(),
                train: train.shape(),
                test: test.shape(),
            });
        }
        Ok(Self { train, test })
    }

    /// Takes two data sets that are open already.
    pub fn new(train: Dataset, test: Dataset) -> Self {
        Self { train, test }
    }

    /// The training images.
    pub fn train(&self) -> &Dataset {
        &self.train
    }

    /// The test images.
    pub fn test(&self) -> &Dataset {
        &self.test
    }
}
