"""Everything that needs Keras: building networks, training them, predicting with them.

Nothing here is imported with the package. The estimators import ``sklstm.engine._spec`` for the
plain data they pass, and ``_train`` and ``_predict`` inside ``fit`` and ``predict`` only, so that
``import sklstm`` stays light.
"""
